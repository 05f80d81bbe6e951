# For any shell: no process is started but the shell's own.
x=1 i=0 all=0
while [ $i -lt 2000 ]; do
    x=$(((x * 75 + 74) % 65537))
    word=w$x
    all=$((all + ${#word}))
    case $x in *7) kept="$kept $word" ;; esac
    i=$((i + 1))
done
set -- $kept
echo $# "$1" $all
( echo "a child: $(echo $#)" )
