%% bench_thread.erl - calls in other processes, which the system spreads over
%% its threads:
%%   thread calls CALLS AT_ONCE
%%   thread busy
%% Prints the microseconds of one call; of busy how much longer two that compute
%% take than one.
-module(bench_thread).
-export([main/1]).

-define(STEPS, 20000000).

call(Fun) ->
    Self = self(),
    Process = spawn_link(fun() -> Self ! {self(), Fun()} end),
    receive {Process, Result} -> Result end.

calls(Each) ->
    Results = [call(fun() -> Number + 1 end) || Number <- lists:seq(1, Each)],
    bench:check(lists:sum(Results) =:= Each * (Each + 3) div 2, wrong_results).

round(Count, AtOnce) ->
    Processes = bench:spawned(AtOnce, fun(_) -> calls(Count div AtOnce) end),
    Ended = [normal || normal <- bench:joined(Processes)],
    bench:check(length(Ended) =:= AtOnce, wrong_results).

compute(0, State) -> State;
compute(Steps, State) -> compute(Steps - 1, State * 16807 rem 2147483647).

compute_in(Threads) ->
    bench:elapsed(fun() ->
        Processes = bench:spawned(Threads,
            fun(_) -> exit({result, compute(?STEPS, 1)}) end),
        [{result, First} | Rest] = bench:joined(Processes),
        [{result, First} = Same || Same <- Rest]
    end).

main(["busy"]) ->
    compute_in(2),
    One = compute_in(1),
    bench:print("ratio", compute_in(2) / One);
main(["calls", Count, AtOnce]) ->
    round(Count div 10, AtOnce),
    Began = bench:cpu(),
    Took = bench:elapsed(fun() -> round(Count, AtOnce) end),
    bench:print("call", Took / 1.0e3 / Count),
    bench:print("cpu", (bench:cpu() - Began) * 1.0e6 / Count).
