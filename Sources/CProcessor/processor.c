#include "processor.h"

_Thread_local int64_t larder_thread_number;

// Of the Swift runtime.
extern void *swift_retain(void *object);

void *larder_retain(void *object) { return swift_retain(object); }
