# Lesson: on an elongated bowl momentum damps the oscillation, RMSprop and Adam even out the axes (sections 2.3 to 2.5 of the notes).
#   sh configs/lesson_bowl.sh
# The cost (w1^2 + 40 w2^2)/2 from (-10, 1.5). A rate of 0.045 is almost too large for w2 and small for w1.
bowl() { dltrain minimize "(w1**2 + 40*w2**2)/2" --start w1=-10 --start w2=1.5 --steps 60 "$@"; }
for optimizer in gradient_descent momentum nesterov; do
    echo "$optimizer:"
    bowl --optimizer $optimizer --learning-rate 0.045
done
# They take the direction of each axis and little of its slope, so their rates are lengths. RMSprop's average starts from 0,
# so that its first step is α/√(1 − β₂): 32 α with the usual 0.999, here 3 α.
echo "rmsprop:"
bowl --optimizer rmsprop --learning-rate 0.3 optimizer.beta2=0.9
echo "adam:"
bowl --optimizer adam --learning-rate 0.3
