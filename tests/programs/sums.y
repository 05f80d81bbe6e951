%{
#include <stdio.h>
int yylex(void);
void yyerror(const char *s);
%}
%token NUMBER
%left '+' '-'
%left '*' '/'
%%
lines: | lines expr '\n' { printf("%d\n", $2); };
expr: NUMBER | expr '+' expr { $$ = $1 + $3; } | expr '-' expr { $$ = $1 - $3; }
    | expr '*' expr { $$ = $1 * $3; } | expr '/' expr { $$ = $1 / $3; }
    | '(' expr ')' { $$ = $2; };
%%
