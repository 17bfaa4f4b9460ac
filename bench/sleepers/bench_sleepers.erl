%% bench_sleepers.erl - processes that sleep 0 to 1000 ms: sleepers TASKS
%% Prints the CPU seconds and the peak megabytes of the system.
-module(bench_sleepers).
-export([main/1]).

main([Tasks]) ->
    Self = self(),
    [spawn_link(fun() -> timer:sleep(Task rem 1001), Self ! woken end)
     || Task <- lists:seq(1, Tasks)],
    bench:count(woken, Tasks),
    bench:print("cpu", bench:cpu()),
    {ok, Status} = file:read_file("/proc/self/status"),
    {match, [Peak]} = re:run(Status, "VmHWM:\\s*(\\d+)",
                             [{capture, all_but_first, list}]),
    bench:print("peak", list_to_integer(Peak) * 1024 / 1.0e6).
