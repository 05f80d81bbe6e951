\ Words in blocks of their own, and the sum of their lengths.
variable x 1 x !  variable all 0 all !
: step x @ 75 * 74 + 65537 mod dup x ! ;
: words5000 5000 0 do step s>d <# #s [char] w hold #>
    dup all +! dup allocate throw dup >r swap move r>
    i 3 mod if free throw else drop then loop ;
words5000 all @ . cr bye
