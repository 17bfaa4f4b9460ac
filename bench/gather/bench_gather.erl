%% bench_gather.erl - functions run at once in processes: gather FUNCTIONS TIMES
%% Each yields once; the results come as messages, in order. Prints the
%% nanoseconds of one function.
-module(bench_gather).
-export([main/1]).

work(Result) ->
    erlang:yield(),
    Result.

gather(Count) ->
    Self = self(),
    Processes = [spawn_link(fun() -> Self ! {self(), work(Number)} end)
                 || Number <- lists:seq(1, Count)],
    [receive {Process, Result} -> Result end || Process <- Processes].

round(Count, Times) ->
    Sums = [lists:sum(gather(Count)) || _ <- lists:seq(1, Times)],
    bench:check(lists:sum(Sums) =:= Times * Count * (Count + 1) div 2,
                wrong_results).

main([Count, Times]) ->
    round(Count, Times div 10),
    bench:each("gather", Count * Times, fun() -> round(Count, Times) end).
