package wtor.demo;

import jakarta.servlet.ServletContextEvent;
import jakarta.servlet.ServletContextListener;
import jakarta.servlet.annotation.WebListener;
import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/**
 * The demo's application: it takes some seconds to start, as real applications do, and then answers
 * 200 at /hello.
 *
 * <p>The same classes are installed under several names. The name is the context root without its
 * slash; WTOR_DEMO_DELAY_MS_name is how long that application takes to start, in milliseconds, and
 * WTOR_DEMO_FAIL=name makes it throw instead.
 */
@WebListener
public class SlowApp implements ServletContextListener {
    @Override
    public void contextInitialized(ServletContextEvent event) {
        String name = event.getServletContext().getContextPath().replace("/", "");
        if (name.equals(System.getenv("WTOR_DEMO_FAIL"))) {
            IOException cause = new IOException("no connection to the database");
            throw new IllegalStateException("wtor demo: " + name + " was told to fail", cause);
        }
        String delay = System.getenv("WTOR_DEMO_DELAY_MS_" + name);
        try {
            Thread.sleep(delay == null ? 0 : Long.parseLong(delay));
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Answers 200; the server holds requests back until the listener above has returned. */
    @WebServlet("/hello")
    public static class Hello extends HttpServlet {
        private static final long serialVersionUID = 1L;

        @Override
        protected void doGet(HttpServletRequest request, HttpServletResponse response)
                throws IOException {
            response.setContentType("text/plain");
            response.getWriter().println("hello");
        }
    }
}
