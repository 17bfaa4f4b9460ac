%% bench_echo.erl - an echo server, a process for each connection.
%% Prints its port.
-module(bench_echo).
-export([main/1]).

echo(Socket) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, Bytes} ->
            ok = gen_tcp:send(Socket, Bytes),
            echo(Socket);
        {error, _} -> gen_tcp:close(Socket)
    end.

accept(Listener) ->
    {ok, Socket} = gen_tcp:accept(Listener),
    Handler = spawn(fun() -> receive go -> echo(Socket) end end),
    ok = gen_tcp:controlling_process(Socket, Handler),
    Handler ! go,
    accept(Listener).

main([]) ->
    {ok, Listener} = gen_tcp:listen(0, [binary, {ip, {127, 0, 0, 1}},
        {active, false}, {backlog, 1000}, {nodelay, true}]),
    {ok, Port} = inet:port(Listener),
    io:format("~b~n", [Port]),
    accept(Listener).
