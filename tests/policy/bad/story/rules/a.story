# Every line that is not blank and no comment begins with one of a few words.
abuot abend
at 0:5 IEF450I A
at 10:61:00 IEF450I A
at +5 IEF450I A
at 00:00:05
log
day 2026-02-30
format hardcopi
tick soon
run
restart now
expect
expect abend fierd
expect abend fired vipa=1
expect abend fired with vipa
expect abend fired with vipa="10.1
expect nothing at all
