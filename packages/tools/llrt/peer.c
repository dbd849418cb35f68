/* LLRT asks for the address of the other side after it has accepted a connection, and ends the process if there is none:
   the client may have reset the connection by then. This function is found before that of the C library. Such a
   connection has its own address here, and the first read says that it was reset. Superfluous when LLRT takes the address
   that accept gives. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* By this text the build knows such a binary. */
static const char mark[] = "effect-lambda: a reset before accept is survived";

int getpeername(int socket, struct sockaddr *restrict address, socklen_t *restrict length) {
  if (syscall(SYS_getpeername, socket, address, length) == 0) return 0;
  if (errno != ENOTCONN) return -1;
  /* A text that nothing reads would not be linked. */
  __asm__ volatile("" : : "r"(mark));
  int type;
  socklen_t size = sizeof type;
  if (getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM) {
    return getsockname(socket, address, length);
  }
  errno = ENOTCONN;
  return -1;
}
