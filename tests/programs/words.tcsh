set x = 1
set i = 0
set words = ()
while ($i < 300)
    @ x = ($x * 75 + 74) % 65537
    set words = ($words w$x)
    @ i++
end
echo $#words $words[1] `echo a child`
