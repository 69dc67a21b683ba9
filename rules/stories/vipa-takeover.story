# A stack goes down and its three addresses move: each is told to whom it concerns, and a person gets one
# message for all of them. Another system takes over on its own account.
about vipa-takeover

at 10:00:00 N 4000000 SYS2     26147 10:00:00.10 STC01234 00000090  EZZ8301I VIPA 10.1.2.3 TAKEN OVER FROM TCPIP ON SYS1
at 10:00:01 N 4000000 SYS2     26147 10:00:01.10 STC01234 00000090  EZZ8301I VIPA 10.1.2.4 TAKEN OVER FROM TCPIP ON SYS1
at 10:00:02 N 4000000 SYS3     26147 10:00:02.10 STC01234 00000090  EZZ8301I VIPA 10.1.9.9 TAKEN OVER FROM TCPIP ON SYS1
restart
at 10:00:08 N 4000000 SYS2     26147 10:00:08.10 STC01234 00000090  EZZ8301I VIPA 10.1.2.5 TAKEN OVER FROM TCPIP ON SYS4
expect nothing
tick 10:00:12
expect vipa-takeover fired with what="SYS3 took over 1 dynamic VIPAs from SYS1 within 10 s: 10.1.9.9"
tick 10:00:18
expect vipa-takeover fired with what="SYS2 took over 3 dynamic VIPAs from SYS1, SYS4 within 18 s: 10.1.2.3, 10.1.2.4, 10.1.2.5"
tick 11:00:00
expect nothing
