        global start
        section .text
start:  mov ecx, 1000
%assign i 0
%rep 500
step%+i: add eax, i
        dec ecx
        jnz step%+i
%assign i i+1
%endrep
        ret
