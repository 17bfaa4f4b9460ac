%% bench_event.erl - processes that wake each other by messages:
%%   event pong WAKES              two wake each other
%%   event crowd WAITERS TIMES     one wakes them all
%% Prints the nanoseconds of one process woken.
-module(bench_event).
-export([main/1]).

answer(0, _) -> ok;
answer(Rounds, Other) ->
    receive ball -> Other ! ball end,
    answer(Rounds - 1, Other).

start(Rounds) ->
    receive {partner, Other} -> answer(Rounds, Other) end.

pong(Rounds) ->
    [{First, _}, {Second, _}] = Both =
        bench:spawned(2, fun(_) -> start(Rounds) end),
    First ! {partner, Second},
    Second ! {partner, First},
    First ! ball,
    [normal, normal] = bench:joined(Both).

wait(0, _) -> ok;
wait(Rounds, Waker) ->
    Waker ! waiting,
    receive wake -> wait(Rounds - 1, Waker) end.

crowd(Waiters, Rounds) ->
    Self = self(),
    Processes = bench:spawned(Waiters, fun(_) -> wait(Rounds, Self) end),
    [begin
         bench:count(waiting, Waiters),
         [Process ! wake || {Process, _} <- Processes]
     end || _ <- lists:seq(1, Rounds)],
    Ended = [normal || normal <- bench:joined(Processes)],
    bench:check(length(Ended) =:= Waiters, wrong_number_of_wakes).

main(["pong", Wakes]) ->
    pong(Wakes div 20),
    bench:each("wake", Wakes div 2 * 2, fun() -> pong(Wakes div 2) end);
main(["crowd", Waiters, Times]) ->
    crowd(Waiters, Times div 10),
    bench:each("wake", Waiters * Times, fun() -> crowd(Waiters, Times) end).
