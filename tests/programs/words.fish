set x 1
set all 0
for i in (seq 300)
    set x (math "($x * 75 + 74) % 65537")
    set -a words w$x
    set all (math $all + (string length w$x))
end
echo (count $words) $words[1] $all
