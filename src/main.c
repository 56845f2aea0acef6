/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the commands. */
#include "care/modules.h"
#include "edge/commands.h"
#include "edge/http.h"
#include "edge/schema.h"
#include "edge/sender.h"
#include "engine/claim.h"
#include "engine/export.h"
#include "engine/files.h"
#include "engine/flow.h"
#include "engine/gateway.h"
#include "engine/job.h"
#include "engine/merge.h"
#include "engine/outbox.h"
#include "engine/questionnaire.h"
#include "engine/reveal.h"
#include "engine/search.h"
#include "engine/session.h"
#include "engine/twins.h"
#include "engine/template.h"
#include "engine/tasks.h"
#include "engine/timer.h"

static const struct module *const modules[] = {
	&account_module, &claim_module, &job_module, &timer_module, &flow_module, &tasks_module, &file_module, &questionnaire_module,
	&gateway_module, &outbox_module,
	CAPABILITIES(CAPABILITY_ROW)
	&import_module, &export_module, &template_module, &reveal_module, &merge_module, &twins_module, &search_module, &page_module,
	&schema_module, &sender_module,
};

int main(int argc, char **argv)
{
	return commands_run(argc, argv, modules, COUNT(modules));
}
