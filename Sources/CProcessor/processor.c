#include "processor.h"

_Thread_local int64_t larder_thread_number;
