%% bench_startup.erl - a program that runs one process, which does nothing.
-module(bench_startup).
-export([main/1]).

main([]) ->
    [normal] = bench:joined(bench:spawned(1, fun(_) -> erlang:yield() end)).
