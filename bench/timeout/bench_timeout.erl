%% bench_timeout.erl - timers that are cancelled, or fire:
%%   timeout scope TASKS TIMES    started and cancelled
%%   timeout yield TASKS TIMES    with a yield in between
%%   timeout fires TASKS TIMES    a receive after 1 ms, in CPU time
%% Prints the nanoseconds of one.
-module(bench_timeout).
-export([main/1]).

body(_, 0) -> ok;
body("fires", Times) ->
    receive never -> error(no_timeout) after 1 -> body("fires", Times - 1) end;
body(Work, Times) ->
    Timer = erlang:start_timer(60000, self(), timeout),
    if Work =:= "yield" -> erlang:yield(); true -> ok end,
    Left = erlang:cancel_timer(Timer),
    bench:check(is_integer(Left), a_timeout_has_fired),
    body(Work, Times - 1).

turns(Work, Tasks, Times) ->
    Processes = bench:spawned(Tasks, fun(_) -> body(Work, Times) end),
    Ended = [normal || normal <- bench:joined(Processes)],
    bench:check(length(Ended) =:= Tasks, wrong_number_of_timeouts).

main([Work, Tasks, Times]) ->
    turns(Work, Tasks, Times div 10 + 1),
    Began = bench:cpu(),
    Took = bench:elapsed(fun() -> turns(Work, Tasks, Times) end),
    Spent = case Work of
        "fires" -> (bench:cpu() - Began) * 1.0e9;
        _ -> Took
    end,
    bench:print("timeout", Spent / (Tasks * Times)).
