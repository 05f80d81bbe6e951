-module(words).
-export([main/0]).
next(X) -> (X * 75 + 74) rem 65537.
make(0, _) -> [];
make(N, X) -> Y = next(X), ["w" ++ integer_to_list(Y) | make(N - 1, Y)].
main() ->
    Words = lists:sort(make(5000, 1)),
    io:format("~s ~s ~p~n", [hd(Words), lists:last(Words),
        lists:sum([length(W) || W <- Words])]).
