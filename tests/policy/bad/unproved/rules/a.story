about says-nothing
at 00:00:00 IEF404I A
expect nothing
