# A dynamic VIPA moves: one stack deletes it, another one creates it. That is no reason to call anybody, and
# neither is a second deletion while its creation is waited for. Only the one that nobody creates is.
about vipa-nowhere

at 00:00:00 N 4000000 SYS1     26147 14:55:55.89 STC01234 00000090  EZD1207I DYNAMIC VIPA 10.1.2.3 WAS DELETED USING CLOSE API BY WLPSRV1 ON TCPIP
at 00:00:01 N 4000000 SYS1     26147 14:55:56.89 STC01234 00000090  EZD1207I DYNAMIC VIPA 10.1.2.4 WAS DELETED USING CLOSE API BY WLPSRV1 ON TCPIP
at 00:00:12 N 4000000 SYS2     26147 14:56:07.89 STC04321 00000090  EZD1205I DYNAMIC VIPA 10.1.2.3 WAS CREATED USING BIND BY WLPSRV2 ON TCPIP
expect nothing

# A restart of the agent changes nothing about what it waits for.
restart
tick 00:00:30
expect nothing
tick 00:00:31
expect vipa-nowhere fired with vipa=10.1.2.4 severity=high what="dynamic VIPA 10.1.2.4 left TCPIP on SYS1, and no stack has it"
tick 00:10:00
expect nothing
