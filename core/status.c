/* SPDX-License-Identifier: MIT
 * status.c - what the codes are called, and which of libuv's become which.
 *
 * One row a code: name, class and sentence stand together, so that a new code
 * is one new row. Rows are looked up one by one; only failures come here, and
 * the codes that come often are at the top.
 *
 * libuv's numbers are the system's and differ between platforms; weft's never
 * do. What has no code of its own here is WEFT_EOTHER: a program that has to
 * tell such a condition apart shows that a code is missing. */
#include "core.h"

#define VERSION "0.1.0"

/* -- The table of codes --------------------------------------------------- */

struct code {
  int code;
  const char *name;       /* without the prefix WEFT_ */
  const char *class_name; /* the class of error in every language */
  const char *sentence;   /* English, without a full stop */
};

static const struct code own_codes[] = {
    {WEFT_OK, "OK", "Error", "no error"},
    {WEFT_PARKED, "PARKED", "Error", "the task is parked"},
    {WEFT_ECANCELLED, "ECANCELLED", "CancelledError", "cancelled"},
    {WEFT_ETIMEDOUT, "ETIMEDOUT", "TimeoutError", "the deadline has passed"},
    {WEFT_ECLOSED, "ECLOSED", "ClosedError", "the object is closed"},
    {WEFT_EBADF, "EBADF", "ArgumentError", "no such handle"},
    {WEFT_EINVAL, "EINVAL", "ArgumentError", "invalid argument"},
    {WEFT_ESTATE, "ESTATE", "InvalidStateError",
     "not possible in the present state"},
    {WEFT_ENOMEM, "ENOMEM", "Error", "out of memory"},
    {WEFT_EHOST, "EHOST", "Error", "a callback failed"},
    {WEFT_EGROUP, "EGROUP", "ErrorGroup", "tasks of a group failed"},
    {WEFT_EBUSY, "EBUSY", "BusyError", "somebody else is using the object"},
    {WEFT_EEND, "EEND", "EndOfStream", "end of the stream"},
    {WEFT_EFULL, "EFULL", "QueueFull", "there is no room"},
    {WEFT_EEMPTY, "EEMPTY", "QueueEmpty", "there is nothing"},
    {WEFT_ESHUTDOWN, "ESHUTDOWN", "QueueShutDown", "the queue is shut down"},
    {WEFT_ETHREAD, "ETHREAD", "InvalidStateError",
     "called from a thread that is not the runtime's"},
    {WEFT_ETASKCANCELLED, "ETASKCANCELLED", "TaskCancelledError",
     "the awaited task was cancelled"},
    {WEFT_EINCOMPLETE, "EINCOMPLETE", "IncompleteReadError",
     "the stream ended before enough bytes came"},
    {WEFT_EOVERRUN, "EOVERRUN", "LimitOverrunError",
     "no separator within the limit"},
    {WEFT_EBROKEN, "EBROKEN", "BrokenBarrierError", "the barrier is broken"},
    {WEFT_ESTACKS, "ESTACKS", "Error", "the kernel gives no more stacks"},
    {WEFT_EGIVENUP, "EGIVENUP", "InvalidStateError",
     "a task would not end and was given up"},
};

static const struct code system_codes[] = {
    {WEFT_E2BIG, "E2BIG", "OSError",
     "the arguments and the environment are too long"},
    {WEFT_EACCES, "EACCES", "OSError", "permission denied"},
    {WEFT_EADDRINUSE, "EADDRINUSE", "OSError", "address already in use"},
    {WEFT_EADDRNOTAVAIL, "EADDRNOTAVAIL", "OSError", "address not available"},
    {WEFT_EAFNOSUPPORT, "EAFNOSUPPORT", "OSError",
     "address family not supported"},
    {WEFT_EAGAIN, "EAGAIN", "OSError", "resource temporarily unavailable"},
    {WEFT_EALREADY, "EALREADY", "OSError", "already in progress"},
    {WEFT_ECONNABORTED, "ECONNABORTED", "OSError", "connection aborted"},
    {WEFT_ECONNREFUSED, "ECONNREFUSED", "OSError", "connection refused"},
    {WEFT_ECONNRESET, "ECONNRESET", "OSError", "connection reset by the peer"},
    {WEFT_EDESTADDRREQ, "EDESTADDRREQ", "OSError",
     "destination address required"},
    {WEFT_EEXIST, "EEXIST", "OSError", "already exists"},
    {WEFT_EFBIG, "EFBIG", "OSError", "file too large"},
    {WEFT_EHOSTUNREACH, "EHOSTUNREACH", "OSError", "host is unreachable"},
    {WEFT_EINTR, "EINTR", "OSError", "interrupted by a signal"},
    {WEFT_EIO, "EIO", "OSError", "input or output failed"},
    {WEFT_EISCONN, "EISCONN", "OSError", "already connected"},
    {WEFT_EISDIR, "EISDIR", "OSError", "is a directory"},
    {WEFT_EMFILE, "EMFILE", "OSError",
     "too many files are open in the process"},
    {WEFT_EMSGSIZE, "EMSGSIZE", "OSError", "message too long"},
    {WEFT_ENAMETOOLONG, "ENAMETOOLONG", "OSError", "name too long"},
    {WEFT_ENETDOWN, "ENETDOWN", "OSError", "network is down"},
    {WEFT_ENETUNREACH, "ENETUNREACH", "OSError", "network is unreachable"},
    {WEFT_ENFILE, "ENFILE", "OSError", "too many files are open in the system"},
    {WEFT_ENOBUFS, "ENOBUFS", "OSError", "the system has no buffer space left"},
    {WEFT_ENODEV, "ENODEV", "OSError", "no such device"},
    {WEFT_ENOENT, "ENOENT", "OSError", "no such file or directory"},
    {WEFT_ENOSPC, "ENOSPC", "OSError", "no space left on the device"},
    {WEFT_ENOSYS, "ENOSYS", "OSError", "not provided by the system"},
    {WEFT_ENOTCONN, "ENOTCONN", "OSError", "not connected"},
    {WEFT_ENOTDIR, "ENOTDIR", "OSError", "not a directory"},
    {WEFT_ENOTEMPTY, "ENOTEMPTY", "OSError", "directory not empty"},
    {WEFT_ENOTSOCK, "ENOTSOCK", "OSError", "not a socket"},
    {WEFT_ENOTSUP, "ENOTSUP", "OSError", "not supported"},
    {WEFT_EPERM, "EPERM", "OSError", "operation not permitted"},
    {WEFT_EPIPE, "EPIPE", "OSError", "broken pipe"},
    {WEFT_EPROTO, "EPROTO", "OSError", "protocol error"},
    {WEFT_EROFS, "EROFS", "OSError", "read-only file system"},
    {WEFT_ESRCH, "ESRCH", "OSError", "no such process"},
    {WEFT_ETIMEDOUT_OS, "ETIMEDOUT_OS", "OSError", "the peer did not answer"},
    {WEFT_ETXTBSY, "ETXTBSY", "OSError", "the program file is in use"},
    {WEFT_EXDEV, "EXDEV", "OSError", "would cross file systems"},
    {WEFT_EHOSTNOTFOUND, "EHOSTNOTFOUND", "OSError", "no such host name"},
    {WEFT_EHOSTTRYAGAIN, "EHOSTTRYAGAIN", "OSError",
     "the name could not be looked up just now"},
    {WEFT_EBUSY_OS, "EBUSY_OS", "OSError", "device or resource busy"},
    {WEFT_EDQUOT, "EDQUOT", "OSError", "disk quota exceeded"},
    {WEFT_EINVAL_OS, "EINVAL_OS", "OSError", "refused by the system"},
    {WEFT_ELOOP, "ELOOP", "OSError", "too many symbolic links"},
    {WEFT_EMLINK, "EMLINK", "OSError", "too many links"},
    {WEFT_ENXIO, "ENXIO", "OSError", "no such device or address"},
    {WEFT_ESPIPE, "ESPIPE", "OSError", "not to be positioned"},
    {WEFT_TLS_FAILED, "TLS_FAILED", "TLSError", "TLS failed"},
    {WEFT_TLS_TRUNCATED, "TLS_TRUNCATED", "TLSError",
     "the peer closed without close_notify: data may be cut off"},
    {WEFT_TLS_CANCELLED, "TLS_CANCELLED", "TLSError",
     "the TLS handshake was cancelled: the stream can only be closed"},
    {WEFT_NOT_TLS, "NOT_TLS", "TLSError", "the peer does not speak TLS"},
    {WEFT_TLS_VERSION_MISMATCH, "TLS_VERSION_MISMATCH", "TLSError",
     "there is no version of TLS that both allow"},
    {WEFT_NO_SHARED_CIPHER, "NO_SHARED_CIPHER", "TLSError",
     "there is no cipher that both allow"},
    {WEFT_NO_SHARED_PROTOCOL, "NO_SHARED_PROTOCOL", "TLSError",
     "there is no application protocol that both offer"},
    {WEFT_TLS_ALERT, "TLS_ALERT", "TLSError", "the peer sent a TLS alert"},
    {WEFT_CERT_MISSING, "CERT_MISSING", "TLSError",
     "the peer has sent no certificate"},
    {WEFT_CERT_REJECTED, "CERT_REJECTED", "TLSError",
     "the peer's certificate is not accepted"},
    {WEFT_CERT_HAS_EXPIRED, "CERT_HAS_EXPIRED", "TLSError",
     "the peer's certificate has expired"},
    {WEFT_CERT_NOT_YET_VALID, "CERT_NOT_YET_VALID", "TLSError",
     "the peer's certificate is not yet valid"},
    {WEFT_SELF_SIGNED_CERT, "SELF_SIGNED_CERT", "TLSError",
     "the peer's certificate is signed by itself and not trusted"},
    {WEFT_UNKNOWN_ISSUER, "UNKNOWN_ISSUER", "TLSError",
     "the issuer of the peer's certificate is not trusted"},
    {WEFT_CERT_REVOKED, "CERT_REVOKED", "TLSError",
     "the peer's certificate has been revoked"},
    {WEFT_HOSTNAME_MISMATCH, "HOSTNAME_MISMATCH", "TLSError",
     "the peer's certificate is for another host"},
    {WEFT_EOTHER, "EOTHER", "OSError", "another error of the system"},
};

static const struct code unknown_own = {0, "EUNKNOWN", "Error", "unknown code"};
static const struct code unknown_system = {0, "EUNKNOWN", "OSError",
                                           "unknown code"};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct code *find_code(int code) {
  bool is_own = code >= -100;
  const struct code *row = is_own ? own_codes : system_codes;
  size_t count = is_own ? COUNT(own_codes) : COUNT(system_codes);
  for (const struct code *end = row + count; row < end; row++)
    if (row->code == code)
      return row;
  return is_own ? &unknown_own : &unknown_system;
}

const char *weft_strerror(int code) {
  return find_code(code)->sentence;
}

const char *weft_error_name(int code) {
  return find_code(code)->name;
}

const char *weft_error_class(int code) {
  return find_code(code)->class_name;
}

const char *weft_version(void) {
  return VERSION;
}

/* -- libuv's codes -------------------------------------------------------- */

struct pair {
  int uv_code;
  int code;
};

/* Those without a namesake:
 *   ECANCELED   closed, not cancelled: libuv says so of a request whose handle
 *               was closed. A task is cancelled by its scope alone.
 *   ETIMEDOUT   the system's, which is an OSError; no deadline of ours passed
 *   ESHUTDOWN   the sending side is shut down, which write(2) calls EPIPE */
static const struct pair pairs[] = {
    {UV_EOF, WEFT_EEND},
    {UV_EAGAIN, WEFT_EAGAIN},
    {UV_ECANCELED, WEFT_ECLOSED},
    {UV_ECONNRESET, WEFT_ECONNRESET},
    {UV_ECONNREFUSED, WEFT_ECONNREFUSED},
    {UV_EPIPE, WEFT_EPIPE},
    {UV_ESHUTDOWN, WEFT_EPIPE},
    {UV_ENOENT, WEFT_ENOENT},
    {UV_EINVAL, WEFT_EINVAL},
    {UV_ENOMEM, WEFT_ENOMEM},
    {UV_EBADF, WEFT_EBADF},
    {UV_EBUSY, WEFT_EBUSY},
    {UV_ETIMEDOUT, WEFT_ETIMEDOUT_OS},
    {UV_E2BIG, WEFT_E2BIG},
    {UV_EACCES, WEFT_EACCES},
    {UV_EADDRINUSE, WEFT_EADDRINUSE},
    {UV_EADDRNOTAVAIL, WEFT_EADDRNOTAVAIL},
    {UV_EAFNOSUPPORT, WEFT_EAFNOSUPPORT},
    {UV_EALREADY, WEFT_EALREADY},
    {UV_ECONNABORTED, WEFT_ECONNABORTED},
    {UV_EDESTADDRREQ, WEFT_EDESTADDRREQ},
    {UV_EEXIST, WEFT_EEXIST},
    {UV_EFBIG, WEFT_EFBIG},
    {UV_EHOSTDOWN, WEFT_EHOSTUNREACH},
    {UV_EHOSTUNREACH, WEFT_EHOSTUNREACH},
    {UV_EINTR, WEFT_EINTR},
    {UV_EIO, WEFT_EIO},
    {UV_EISCONN, WEFT_EISCONN},
    {UV_EISDIR, WEFT_EISDIR},
    {UV_EMFILE, WEFT_EMFILE},
    {UV_EMSGSIZE, WEFT_EMSGSIZE},
    {UV_ENAMETOOLONG, WEFT_ENAMETOOLONG},
    {UV_ENETDOWN, WEFT_ENETDOWN},
    {UV_ENETUNREACH, WEFT_ENETUNREACH},
    {UV_ENFILE, WEFT_ENFILE},
    {UV_ENOBUFS, WEFT_ENOBUFS},
    {UV_ENODEV, WEFT_ENODEV},
    {UV_ENONET, WEFT_ENETUNREACH},
    {UV_ENOSPC, WEFT_ENOSPC},
    {UV_ENOSYS, WEFT_ENOSYS},
    {UV_ENOTCONN, WEFT_ENOTCONN},
    {UV_ENOTDIR, WEFT_ENOTDIR},
    {UV_ENOTEMPTY, WEFT_ENOTEMPTY},
    {UV_ENOTSOCK, WEFT_ENOTSOCK},
    {UV_ENOTSUP, WEFT_ENOTSUP},
    {UV_EPERM, WEFT_EPERM},
    {UV_EPROTO, WEFT_EPROTO},
    {UV_EROFS, WEFT_EROFS},
    {UV_ESRCH, WEFT_ESRCH},
    {UV_ETXTBSY, WEFT_ETXTBSY},
    {UV_EXDEV, WEFT_EXDEV},
    {UV_ELOOP, WEFT_ELOOP},
    {UV_EMLINK, WEFT_EMLINK},
    {UV_ENXIO, WEFT_ENXIO},
    {UV_ESPIPE, WEFT_ESPIPE},

    /* Of looking up names. A failure for good counts as no such host; what
     * only a wrong hint can cause is an argument's. */
    {UV_EAI_NONAME, WEFT_EHOSTNOTFOUND},
    {UV_EAI_NODATA, WEFT_EHOSTNOTFOUND},
    {UV_EAI_ADDRFAMILY, WEFT_EHOSTNOTFOUND},
    {UV_EAI_FAIL, WEFT_EHOSTNOTFOUND},
    {UV_EAI_AGAIN, WEFT_EHOSTTRYAGAIN},
    {UV_EAI_CANCELED, WEFT_ECLOSED},
    {UV_EAI_MEMORY, WEFT_ENOMEM},
    {UV_EAI_FAMILY, WEFT_EAFNOSUPPORT},
    {UV_EAI_BADFLAGS, WEFT_EINVAL},
    {UV_EAI_BADHINTS, WEFT_EINVAL},
    {UV_EAI_OVERFLOW, WEFT_EINVAL},
    {UV_EAI_PROTOCOL, WEFT_EINVAL},
    {UV_EAI_SERVICE, WEFT_EINVAL},
    {UV_EAI_SOCKTYPE, WEFT_EINVAL},
};

/* A positive number, which some calls of libuv return, is no failure either:
 * it must not come out as WEFT_PARKED. */
int weft__status_from_uv(int uv_code) {
  if (uv_code >= 0)
    return WEFT_OK;
  for (size_t i = 0; i < COUNT(pairs); i++)
    if (pairs[i].uv_code == uv_code)
      return pairs[i].code;
  return WEFT_EOTHER;
}
