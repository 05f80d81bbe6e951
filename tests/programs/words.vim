let x = 1
let words = []
for i in range(2000)
  let x = (x * 75 + 74) % 65537
  call add(words, 'w' . x)
endfor
call setline(1, sort(words))
%s/w\([0-9]\)/\1-/
1,$write! words.txt
qall!
