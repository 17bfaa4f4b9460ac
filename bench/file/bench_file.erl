%% bench_file.erl - files read:
%%   file large PATH         from beginning to end
%%   file small DIR FILES    all at once, DIR/1 and so on
%% Prints the milliseconds, or the microseconds of one small file.
-module(bench_file).
-export([main/1]).

-define(LARGE, 1073741824).
-define(SMALL, 4096).
-define(PIECE, 131072).

pieces(File, Size, Last) ->
    case file:read(File, ?PIECE) of
        {ok, Piece} -> pieces(File, Size + byte_size(Piece), Piece);
        eof -> {Size, binary:part(Last, byte_size(Last), -8)}
    end.

large(Path) ->
    {ok, File} = file:open(Path, [read, raw, binary]),
    {?LARGE, <<"the end.">>} = pieces(File, 0, <<>>),
    ok = file:close(File).

small(Dir, Number) ->
    {ok, Content} = file:read_file(Dir ++ "/" ++ integer_to_list(Number)),
    ?SMALL = byte_size(Content),
    Number = binary_to_integer(string:trim(Content)).

measure(Name, Scale, Work) ->
    Work(),
    Began = bench:cpu(),
    bench:print(Name, bench:elapsed(Work) / 1.0e9 * Scale),
    bench:print("cpu", (bench:cpu() - Began) * Scale).

main(["large", Path]) ->
    measure("large", 1.0e3, fun() -> large(Path) end);
main(["small", Dir, Count]) ->
    measure("small", 1.0e6 / Count, fun() ->
        Processes = bench:spawned(Count, fun(Number) -> small(Dir, Number) end),
        Ended = [normal || normal <- bench:joined(Processes)],
        bench:check(length(Ended) =:= Count, wrong_bytes)
    end).
