define(`loop', `ifelse($1, 0, `', `loop(decr($1), eval(($2 * 75 + 74) % 65537))define(`w$1', $2)w$1
')')dnl
loop(400, 1)
