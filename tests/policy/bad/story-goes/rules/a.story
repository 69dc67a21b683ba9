at 00:00:00 IEF450I A
expect abend fired
at 00:00:01 IEF450I A B
expect nothing
at 00:00:02 IEF450I A B
expect abend fired with job=B who=A
expect again held
expect run call failed
at 00:00:03 IEF450I A B
expect again fired
at 00:00:01 IEF404I A
