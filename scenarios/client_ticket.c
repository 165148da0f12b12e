/*
 * client_ticket.c - what becomes of records that were accepted: waiting, asking, being called back.
 *
 * Who is told that his records are lost is told the first LSN that did not become durable, too. So
 * all below it did, and the history hears of that as of any acknowledgement.
 */
#include "scenarios/run.h"

static void lost(struct boot *boot, uint32_t operation, enum wal_err err, uint64_t lost_lsn)
{
    if (lost_lsn > 1) run_put_down_ack(boot->runner, operation, lost_lsn - 1);
    run_put_down_failure(boot, operation, err);
}

/* It was accepted and no more, and the log has said so. */
static bool is_promised_nothing(const struct runner *runner, enum wal_err err)
{
    return err == WAL_NOTDURABLE && runner->log.sync_policy == WAL_SYNC_NEVER;
}

void run_keep_ticket(struct run_client *client, const struct ticket *ticket)
{
    if (client->ticket_count < TICKETS_MAX) client->tickets[client->ticket_count++] = *ticket;
}

void run_wait_for(struct run_client *client, const struct ticket *ticket,
                  const struct wal_patience *patience)
{
    uint64_t lost_lsn = 0;
    const struct boot before = *client->boot, *boot = client->boot;
    enum wal_err err = wal_wait_until(client->boot->log, &ticket->ticket, patience, &lost_lsn);

    /* All the while it was to accept nothing: this one waited for room, and was let in. */
    if (err == WAL_OK && run_is_stopped(&before) && run_is_stopped(boot) &&
        before.rollbacks == boot->rollbacks && ticket->ticket.last_lsn > boot->rolled_back_lsn) {
        run_put_down_error(client->boot, ticket->operation, HISTORY_UNANSWERED);
    }
    if (err == WAL_OK) {
        run_put_down_ack(client->runner, ticket->operation, ticket->ticket.last_lsn);
    } else if ((err == WAL_TIMEOUT && patience->deadline_ns != WAL_NO_DEADLINE) ||
               (err == WAL_CANCELLED && patience->cancel != NULL)) {
        run_keep_ticket(client, ticket);
    } else if (!is_promised_nothing(client->runner, err)) {
        lost(client->boot, ticket->operation, err, lost_lsn);
    }
}

void run_wait_for_all(struct run_client *client)
{
    const struct wal_patience patience = {.deadline_ns = WAL_NO_DEADLINE};
    uint32_t count = client->ticket_count;

    client->ticket_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct ticket ticket = client->tickets[i];
        run_wait_for(client, &ticket, &patience);
    }
}

void run_poll_all(struct run_client *client)
{
    uint32_t count = client->ticket_count;

    client->ticket_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct ticket ticket = client->tickets[i];
        bool durable = false;
        enum wal_err err = wal_poll(client->boot->log, &ticket.ticket, &durable);

        if (err != WAL_OK) {
            lost(client->boot, ticket.operation, err, 0);
        } else if (durable) {
            run_put_down_ack(client->runner, ticket.operation, ticket.ticket.last_lsn);
        } else {
            run_keep_ticket(client, &ticket);
        }
    }
}

/* On the log's own task. */
static void called_back(struct wal_notice *notice, enum wal_err err, uint64_t lsn)
{
    const struct run_client *client = notice->context;
    struct run_notice *own = (struct run_notice *)notice;

    own->calls++;
    if (err != WAL_OK) {
        lost(client->boot, own->operation, err, lsn);
    } else {
        run_put_down_ack(client->runner, own->operation, lsn);
    }
}

void run_notify(struct run_client *client, const struct ticket *ticket)
{
    if (client->notice_count == NOTICES_MAX) return;
    struct run_notice *own = &client->notices[client->notice_count++];

    *own = (struct run_notice){
        .notice = {.call = called_back, .context = client, .ticket = ticket->ticket},
        .operation = ticket->operation,
    };
    wal_notify(client->boot->log, &own->notice);
}

void run_check_notices(struct boot *boot)
{
    for (uint32_t i = 0; i < boot->runner->config.clients; i++) {
        const struct run_client *client = &boot->clients[i];

        for (uint32_t j = 0; j < client->notice_count; j++) {
            if (client->notices[j].calls == 1) continue;
            run_put_down_error(boot, client->notices[j].operation, HISTORY_UNANSWERED);
        }
    }
}
