%% bench_memory.erl - what a process that waits takes: memory TASKS
%% Prints the resident bytes of one (bytes), and the nanoseconds to start, end
%% and wait for one (each).
-module(bench_memory).
-export([main/1]).

resident() ->
    {ok, Text} = file:read_file("/proc/self/statm"),
    [_, Pages | _] = binary:split(Text, <<" ">>, [global]),
    binary_to_integer(Pages) * 4096.

wait() -> receive never -> ok end.

main([Count]) ->
    Before = resident(),
    Began = erlang:monotonic_time(nanosecond),
    Processes = bench:spawned(Count, fun(_) -> wait() end),
    erlang:yield(),
    Parked = resident(),
    [exit(Process, cancelled) || {Process, _} <- Processes],
    Reasons = bench:joined(Processes),
    Ended = erlang:monotonic_time(nanosecond),
    bench:check(lists:all(fun(Reason) -> Reason =:= cancelled end, Reasons),
                a_process_has_not_ended_cancelled),
    bench:print("bytes", (Parked - Before) / Count),
    bench:print("each", (Ended - Began) / Count).
