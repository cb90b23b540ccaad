/* aipipe/aipipe.h: the whole public interface. Each header also stands alone. */
#ifndef AIPIPE_AIPIPE_H
#define AIPIPE_AIPIPE_H

#include <aipipe/base.h>
#include <aipipe/bytes.h>
#include <aipipe/catalog.h>
#include <aipipe/connector.h>
#include <aipipe/dag.h>
#include <aipipe/data.h>
#include <aipipe/exec.h>
#include <aipipe/metrics.h>
#include <aipipe/model.h>
#include <aipipe/module.h>
#include <aipipe/package.h>
#include <aipipe/stage.h>
#include <aipipe/validate.h>

#endif
