--- The numbers of weft.h that the Lua modules know by name. They never change;
-- a spec compares them with core/weft.constants.
-- @module weft.codes

return {
  -- enum weft_status
  ECANCELLED = -1,
  ETIMEDOUT = -2,
  ECLOSED = -3,
  EBADF = -4,
  EINVAL = -5,
  ESTATE = -6,
  ENOMEM = -7,
  EHOST = -8,
  EGROUP = -9,
  EBUSY = -10,
  EEND = -11,
  EEMPTY = -13,
  ESHUTDOWN = -14,
  ETASKCANCELLED = -16,
  EINCOMPLETE = -17,
  EOVERRUN = -18,
  EGIVENUP = -21,
  EADDRINUSE = -102,
  EAGAIN = -105,
  EDESTADDRREQ = -110,
  ENAMETOOLONG = -120,
  ENOENT = -126,
  ENOTDIR = -130,
  ENOTSUP = -133,
  EPERM = -134,
  ESRCH = -138,

  -- enum weft_open_flags
  OPEN_READ = 1,
  OPEN_WRITE = 2,
  OPEN_CREATE = 4,
  OPEN_TRUNCATE = 8,
  OPEN_APPEND = 16,
  OPEN_EXCLUSIVE = 32,

  -- enum weft_write_flags
  WRITE_ATOMIC = 1,
  WRITE_APPEND = 2,
  WRITE_EXCLUSIVE = 4,
  WRITE_SYNC = 8,

  -- enum weft_fault
  FAULT_DELAY = 1,
  FAULT_BUFFER = 2,
  FAULT_RESET = 3,
  FAULT_END = 4,
  FAULT_CORRUPT = 5,

  -- enum weft_lock_flags
  LOCK_SHARED = 1,
  LOCK_NOWAIT = 2,

  -- enum weft_task_state
  TASK_READY = 1,
  TASK_RUNNING = 2,
  TASK_PARKED = 3,
  TASK_FINISHED = 4,
  TASK_FAILED = 5,
  TASK_CANCELLED = 6,

  -- enum weft_report_kind
  REPORT_FAILURE = 1,
  REPORT_CALLBACK = 2,
  REPORT_STUBBORN = 3,
  REPORT_GIVEN_UP = 4,
  REPORT_SYSTEM = 5,
  REPORT_UNCLOSED = 6,
  REPORT_ABANDONED = 7,
  REPORT_SLOW = 8,
  REPORT_BLOCKED = 9,
  REPORT_DEADLOCK = 10,
  REPORT_LEFT = 11,
}
