%% bench.erl - what the programs in Erlang share, and how they are run:
%%   erl -noshell -run bench main WORKLOAD ARGUMENTS...
%% calls main/1 of the module bench_WORKLOAD with the arguments, numbers where
%% they are. It ends the system, with a failure where something raised.
-module(bench).
-export([main/1, each/3, elapsed/1, cpu/0, print/2, check/2, count/2, spawned/2,
         joined/1]).

main([Workload | Words]) ->
    process_flag(trap_exit, false),
    Module = list_to_atom("bench_" ++ Workload),
    try
        Module:main([argument(Word) || Word <- Words]),
        halt(0)
    catch
        Class:Reason:Stack ->
            io:format(standard_error, "~p ~p~n~p~n", [Class, Reason, Stack]),
            halt(1)
    end.

argument(Word) ->
    case string:to_integer(Word) of
        {Number, ""} -> Number;
        _ -> Word
    end.

%% The nanoseconds that a function takes.
elapsed(Fun) ->
    Began = erlang:monotonic_time(nanosecond),
    Fun(),
    erlang:monotonic_time(nanosecond) - Began.

%% Prints the nanoseconds of one of Count operations that the function does.
each(Measure, Count, Fun) -> print(Measure, elapsed(Fun) / Count).

print(Measure, Value) -> io:format("~s ~.4f~n", [Measure, float(Value)]).

%% CPU time in seconds, the kernel's part included, by /proc.
cpu() ->
    {ok, Text} = file:read_file("/proc/self/stat"),
    [_, Rest] = binary:split(Text, <<") ">>),
    Fields = binary:split(Rest, <<" ">>, [global]),
    Ticks = binary_to_integer(lists:nth(12, Fields))
        + binary_to_integer(lists:nth(13, Fields)),
    Ticks / 100.

check(true, _) -> ok;
check(false, What) -> error(What).

%% Waits for so many messages.
count(_, 0) -> ok;
count(Message, Left) ->
    receive Message -> count(Message, Left - 1) end.

%% Starts Count processes that run Fun(Number), monitored.
spawned(Count, Fun) ->
    [spawn_monitor(fun() -> Fun(Number) end) || Number <- lists:seq(1, Count)].

%% Waits until they have ended; returns their reasons, in no order: to ask for
%% one after the other would search a long mailbox each time.
joined(Processes) ->
    [receive {'DOWN', _, process, _, Reason} -> Reason end || _ <- Processes].
