# Lesson: a million examples need 1 % for dev and 1 % for test; a thousand need more (section 1.1 of the notes).
#   sh configs/lesson_sizes.sh
# 1,000,000 rows are split 980,000/10,000/10,000, above that 99.5/0.25/0.25 %, and 1,000 rows 60/20/20 %.
# 70/30 without dev, and no test set at all, are splits too; `check` says what is missing without dev.
folder=$(mktemp -d) && trap 'rm -r "$folder"' EXIT
for rows in 1000 1000000 2000000; do
    seq $rows | awk 'BEGIN {print "x,y"} {print $1 % 97 "," $1 % 2}' >"$folder/$rows.csv"
    dltrain check data.source="$folder/$rows.csv" data.target=y | grep " rows  "
done
dltrain check data.source="$folder/1000.csv" data.target=y split.train=0.7 split.dev=0 split.test=0.3 | grep -e " rows  " -e "no dev"
dltrain check data.source="$folder/1000.csv" data.target=y split.train=0.8 split.dev=0.2 split.test=0 | grep " rows  "
