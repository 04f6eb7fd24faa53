# Lesson: a larger β is smoother and later, and bias correction mends the start (section 2.2 of the notes).
#   sh configs/lesson_averages.sh
# Two years of daily temperatures in °F, drawn from a formula (tools/temperature.py says which; nobody measured them).
# β = 0.9 averages over about 10 days and follows about 9 later, β = 0.98 over 50 and at most 49 later, with less than
# half of the noise. Started from 0, the first average of β = 0.98 is 2 % of that day's temperature; corrected, all of it.
cd "$(dirname "$0")" || exit
dltrain average temperature.csv --column T --beta 0.9 --beta 0.98
