%% bench_http.erl - a file fetched again and again by httpc:
%%   http FETCHES AT_ONCE
%% from BENCH_URL, by so many processes. Prints the microseconds of one, and of
%% CPU time.
-module(bench_http).
-export([main/1]).

-define(BYTES, 1024).

fetch(_, 0) -> ok;
fetch(Url, Times) ->
    {ok, {{_, 200, _}, _, Body}} = httpc:request(get, {Url, []}, [],
        [{body_format, binary}]),
    ?BYTES = byte_size(Body),
    fetch(Url, Times - 1).

round(Url, Fetches, AtOnce) ->
    Processes = bench:spawned(AtOnce,
        fun(_) -> fetch(Url, Fetches div AtOnce) end),
    Ended = [normal || normal <- bench:joined(Processes)],
    bench:check(length(Ended) =:= AtOnce, wrong_answers).

main([Fetches, AtOnce]) ->
    Url = os:getenv("BENCH_URL"),
    {ok, _} = application:ensure_all_started(inets),
    ok = httpc:set_options([{max_sessions, AtOnce},
        {max_keep_alive_length, 1000}]),
    round(Url, Fetches div 10, AtOnce),
    Began = bench:cpu(),
    Took = bench:elapsed(fun() -> round(Url, Fetches, AtOnce) end),
    bench:print("fetch", Took / 1.0e3 / Fetches),
    bench:print("cpu", (bench:cpu() - Began) * 1.0e6 / Fetches).
