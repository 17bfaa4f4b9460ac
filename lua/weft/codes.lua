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
  ENAMETOOLONG = -120,

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
}
