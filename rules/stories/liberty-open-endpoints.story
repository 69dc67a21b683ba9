# A server starts with its endpoint closed; when the application is there the endpoint is opened, and it says
# so: the run is good. Times are those of the log.
about liberty-app-started
source /var/wlp/servers/web1/logs/messages.log

log [11/21/26, 22:12:28:642 UTC] 00000029 com.ibm.ws.app.manager.AppMessageHelper                      I CWWKZ0018I: Starting application app.
expect nothing
log [11/21/26, 22:12:31:642 UTC] 00000029 com.ibm.ws.app.manager.AppMessageHelper                      A CWWKZ0001I: Application app started in 3.125 seconds.
expect liberty-app-started fired with server=web1 app=app
log [11/21/26, 22:12:31:910 UTC] 00000031 com.ibm.ws.tcpchannel.internal.TCPPort                       I CWWKO0219I: TCP Channel defaultHttpEndpoint has been started and is now listening for requests on host *  (IPv6) port 9080.
log [11/21/26, 22:12:31:920 UTC] 00000030 com.ibm.ws.kernel.launch.internal.ServerCommandListener      A CWWKE0939I: The resume request for the server or components completed successfully.
expect run resume-endpoints good

# A second application of the same start finds the endpoint open.
log [11/21/26, 22:12:40:642 UTC] 00000029 com.ibm.ws.app.manager.AppMessageHelper                      A CWWKZ0001I: Application other started in 12.125 seconds.
expect liberty-app-started held
restart

# The next start is another one.
log [11/21/26, 22:15:31:642 UTC] 00000001 com.ibm.ws.kernel.launch.internal.FrameworkManager           A CWWKE0001I: The server web1 has been launched.
log [11/21/26, 22:15:36:642 UTC] 00000029 com.ibm.ws.app.manager.AppMessageHelper                      A CWWKZ0001I: Application app started in 3.125 seconds.
expect liberty-app-started fired with server=web1 app=app
log [11/21/26, 22:15:36:910 UTC] 00000031 com.ibm.ws.tcpchannel.internal.TCPPort                       I CWWKO0219I: TCP Channel defaultHttpEndpoint has been started and is now listening for requests on host *  (IPv6) port 9080.
log [11/21/26, 22:15:36:920 UTC] 00000030 com.ibm.ws.kernel.launch.internal.ServerCommandListener      A CWWKE0939I: The resume request for the server or components completed successfully.
expect run resume-endpoints good

# Another server: nobody listens within a minute, so the run has failed although the command said that all
# was well, and somebody is called.
source /var/wlp/servers/web2/logs/messages.log
log [11/21/26, 22:20:31:642 UTC] 00000029 com.ibm.ws.app.manager.AppMessageHelper                      A CWWKZ0001I: Application app started in 3.125 seconds.
expect liberty-app-started fired with server=web2
log [11/21/26, 22:20:31:920 UTC] 00000030 com.ibm.ws.kernel.launch.internal.ServerCommandListener      A CWWKE0939I: The resume request for the server or components completed successfully.
tick +5m
expect run resume-endpoints failed
expect run alert good
