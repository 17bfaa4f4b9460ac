%% bench_switch.erl - processes that yield in turn: switch TASKS SWITCHES
%% Prints the nanoseconds of one erlang:yield.
-module(bench_switch).
-export([main/1]).

body(0) -> ok;
body(Rounds) ->
    erlang:yield(),
    body(Rounds - 1).

turns(Tasks, Rounds) ->
    Processes = bench:spawned(Tasks, fun(_) -> body(Rounds) end),
    Ended = [normal || normal <- bench:joined(Processes)],
    bench:check(length(Ended) =:= Tasks, wrong_number_of_tasks).

main([Tasks, Switches]) ->
    Rounds = Switches div Tasks,
    turns(Tasks, Rounds div 10),
    bench:each("switch", Tasks * Rounds, fun() -> turns(Tasks, Rounds) end).
