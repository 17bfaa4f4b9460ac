%% bench_cancel.erl - processes that wait, told to exit: cancel TASKS
%% Prints the nanoseconds of one exit signal and its part of the wait (cancel),
%% and the same with the start of the process (all).
-module(bench_cancel).
-export([main/1]).

wait() -> receive never -> ok end.

turns(Count) ->
    Began = erlang:monotonic_time(nanosecond),
    Processes = bench:spawned(Count, fun(_) -> wait() end),
    erlang:yield(),
    Parked = erlang:monotonic_time(nanosecond),
    [exit(Process, cancelled) || {Process, _} <- Processes],
    Reasons = bench:joined(Processes),
    Ended = erlang:monotonic_time(nanosecond),
    bench:check(lists:all(fun(Reason) -> Reason =:= cancelled end, Reasons),
                wrong_number_of_cancellations),
    {Ended - Began, Ended - Parked}.

main([Count]) ->
    turns(Count),
    {All, Cancel} = turns(Count),
    bench:print("cancel", Cancel / Count),
    bench:print("all", All / Count).
