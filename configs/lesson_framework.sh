# Lesson: write the cost, and the framework finds the gradient (section 3.6 of the notes, its program).
#   sh configs/lesson_framework.sh
cd "$(dirname "$0")" || exit

# The cost (w - 5)^2, typed: w = 0 before, w = 4.9999999916 after 1,000 steps, which is 5 - 5*0.98^1000.
dltrain minimize "w**2 - 10*w + 25" --learning-rate 0.01 --steps 1000

# The same with coefficients that are fed from a file.
dltrain minimize "x[0][0]*w**2 + x[1][0]*w + x[2][0]" --data x=coefficients.csv --learning-rate 0.01 --steps 1000
dltrain minimize "x[0]*w**2 + x[1]*w + x[2]" --data x=coefficients.csv --optimizer adam --learning-rate 0.1 --schedule cosine
