/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the commands. */
#include "care/modules.h"
#include "edge/commands.h"
#include "edge/http.h"
#include "engine/claim.h"
#include "engine/job.h"
#include "engine/reveal.h"
#include "engine/search.h"
#include "engine/session.h"

static const struct module *const modules[] = {
	&account_module, &claim_module, &job_module, &area_module, &area_change_module, &elder_module, &facility_module,
	&household_module, &organization_module, &staff_module, &import_module, &reveal_module, &search_module, &page_module,
};

int main(int argc, char **argv)
{
	return commands_run(argc, argv, modules, COUNT(modules));
}
