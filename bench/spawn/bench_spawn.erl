%% bench_spawn.erl - processes started and waited for: spawn BATCH BATCHES
%% Each sends a message when it has run. Prints the nanoseconds of one.
-module(bench_spawn).
-export([main/1]).

batch(Count) ->
    Self = self(),
    [spawn_link(fun() -> Self ! done end) || _ <- lists:seq(1, Count)],
    bench:count(done, Count).

main([Batch, Batches]) ->
    [batch(Batch) || _ <- lists:seq(1, Batches div 10 + 1)],
    bench:each("spawn", Batch * Batches,
               fun() -> [batch(Batch) || _ <- lists:seq(1, Batches)] end).
