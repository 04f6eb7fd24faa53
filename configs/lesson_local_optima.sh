# Lesson: a gradient of 0 is most often a saddle, and plateaus slow learning down (section 2.7 of the notes).
#   sh configs/lesson_local_optima.sh
cd "$(dirname "$0")" || exit

# On the saddle's axis b = 0 the gradient never leads off it: gradient descent ends at the saddle, and says so.
dltrain minimize "saddle(a, b)" --start a=1 --learning-rate 0.1 --steps 200

# A hundredth off the axis, every optimizer finds a minimum.
for optimizer in gradient_descent momentum nesterov rmsprop adam adamw; do
    echo "$optimizer:"
    dltrain minimize "saddle(a, b)" --start a=1 --start b=0.01 --optimizer $optimizer --learning-rate 0.05
done

# On the plateau gradient descent and momentum hardly move, for the gradient is small: 0.0005.
# RMSprop and Adam divide by its size and cross it with the same learning rate in as many steps.
for optimizer in gradient_descent momentum nesterov rmsprop adam; do
    echo "$optimizer:"
    dltrain minimize "plateau(a, b)" --optimizer $optimizer --learning-rate 0.05 --steps 500
done
