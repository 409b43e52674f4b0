/* SPDX-License-Identifier: BSD-2-Clause */
/* trace.c - the summary per call site after `trace`, and the table of sites that `check` shows too. */
#include <math.h>

#include "protocol/protocol.h"
#include "report/sites.h"

#define CELL 24

const char *site_place(const struct connprof_recording *recording, const struct site_row *site, char out[PLACE_TEXT])
{
	const struct frame *frame = stacks_frame(recording->stacks, site->call_site);
	const char *file;

	if (!frame) {
		snprintf(out, PLACE_TEXT, "(no application frame)");
		return out;
	}
	file = strings_get(recording->strings, frame->file);
	if (!*file)
		file = strings_get(recording->strings, frame->module);
	snprintf(out, PLACE_TEXT, frame->line ? "%.240s (%.200s:%u)" : "%.240s (%.200s)",
		 strings_get(recording->strings, frame->function), short_path(file), frame->line);
	return out;
}

const char *site_setup(const struct site_row *site, char out[SETUP_TEXT])
{
	char tls[24] = "", handshake[32] = "", trips[32] = "";

	*out = '\0';
	if (isnan(site->connect_ms.p50) || (isnan(site->tls_ms.p50) && isnan(site->handshake_ms.p50)))
		return out;
	if (!isnan(site->tls_ms.p50))
		snprintf(tls, sizeof(tls), ", TLS %.2f", site->tls_ms.p50);
	if (!isnan(site->handshake_ms.p50))
		snprintf(handshake, sizeof(handshake), ", handshake %.2f", site->handshake_ms.p50);
	if (site->handshake_trips >= 0.5)
		snprintf(trips, sizeof(trips), " in %.0f round trip%s", site->handshake_trips, site->handshake_trips < 1.5 ? "" : "s");
	snprintf(out, SETUP_TEXT, "connect %.2f%s%s%s", site->connect_ms.p50, tls, handshake, trips);
	return out;
}

const char *site_protocol(const struct site_row *site, char out[32])
{
	snprintf(out, 32, "%s%s", protocol_name((enum protocol_id)site->protocol), site->tls ? "+tls" : "");
	return out;
}

static const char *count_cell(uint64_t count, char out[CELL])
{
	if (count == UNKNOWN_COUNT)
		snprintf(out, CELL, "-");
	else
		snprintf(out, CELL, "%llu", (unsigned long long)count);
	return out;
}

/* Three figures are enough to compare; a table of more is not read. */
static const char *number_cell(double value, char out[CELL])
{
	if (isnan(value))
		snprintf(out, CELL, "-");
	else
		snprintf(out, CELL, value < 10 ? "%.2f" : value < 100 ? "%.1f" : "%.0f", value);
	return out;
}

static void table_row(const struct connprof_recording *recording, const struct site_row *site, FILE *stream)
{
	char connects[CELL], failed[CELL], open[CELL], commands[CELL], p50[CELL], p99[CELL];
	char protocol[32], peer[ENDPOINT_TEXT], place[PLACE_TEXT];

	fprintf(stream, "%8s %6s %6s %9s %9s %9s  %-10s %-22s %s\n", count_cell(site->connects, connects),
		count_cell(site->failed_connects, failed), count_cell(site->open_at_end, open),
		number_cell(site->commands_per_connection, commands), number_cell(site->lifetime_ms.p50, p50),
		number_cell(site->lifetime_ms.p99, p99), site_protocol(site, protocol), endpoint_text(&site->peer, recording->strings, peer),
		site_place(recording, site, place));
}

void sites_table(const struct connprof_recording *recording, bool (*keep)(const struct site_row *), FILE *stream)
{
	bool headed = false;

	for (size_t i = 0; i < recording->site_count; i++) {
		if (keep && !keep(&recording->sites[i]))
			continue;
		if (!headed)
			fprintf(stream, "%8s %6s %6s %9s %9s %9s  %-10s %-22s %s\n", "connects", "failed", "open", "cmds/conn",
				"life p50", "p99 ms", "protocol", "peer", "call site");
		headed = true;
		table_row(recording, &recording->sites[i], stream);
	}
}

const char *targets_text(const struct connprof_recording *recording, char *out, size_t size)
{
	if (!recording->target_count)
		snprintf(out, size, "no process");
	else if (recording->target_count == 1)
		snprintf(out, size, "%s %u", strings_get(recording->strings, recording->targets[0].comm),
			 recording->targets[0].pid);
	else
		snprintf(out, size, "%s %u and %zu more", strings_get(recording->strings, recording->targets[0].comm),
			 recording->targets[0].pid, recording->target_count - 1);
	return out;
}

int trace_text_write(const struct connprof_recording *recording, const struct connprof_report_options *options,
		     FILE *stream, struct connprof_error *error)
{
	char targets[128];

	(void)error;
	fprintf(stream, "%s, %.1f s: %llu connections seen", targets_text(recording, targets, sizeof(targets)),
		recording->seconds, (unsigned long long)recording->connections);
	if (recording->preexisting)
		fprintf(stream, ", %llu more were open before", (unsigned long long)recording->preexisting);
	if (recording->accepted)
		fprintf(stream, ", %llu accepted", (unsigned long long)recording->accepted);
	if (recording->requests.observed != UNKNOWN_COUNT && recording->requests.observed)
		fprintf(stream, "; %llu %s%s", (unsigned long long)recording->requests.observed,
			recording->requests.protocol == PROTOCOL_HTTP ? "HTTP " : "",
			recording->requests.protocol == PROTOCOL_JOB ? "jobs" : "requests");
	fputc('\n', stream);
	if (!recording->site_count)
		fputs("no connection was opened\n", stream);
	sites_table(recording, NULL, stream);
	for (size_t i = 0; options->stacks && i < recording->site_count; i++) {
		char place[PLACE_TEXT], peer[ENDPOINT_TEXT];

		fprintf(stream, "\n%s to %s\n", site_place(recording, &recording->sites[i], place),
			endpoint_text(&recording->sites[i].peer, recording->strings, peer));
		site_chain(recording, &recording->sites[i], stream);
	}
	losses_text(recording, stream);
	return 0;
}
