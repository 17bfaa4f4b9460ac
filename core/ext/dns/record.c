/* SPDX-License-Identifier: MIT
 * record.c - the records of an answer as values.
 *
 * An answer is: a head with four counts, the questions, then the records, each
 * a name, kind, class, time to live, size and data. What the data of a kind is
 * made of stands in one table. Every read checks that there is so much; what
 * does not fit is WEFT_EPROTO. Names may point back into the answer, which
 * ares_expand_name follows, not in circles. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "dns.h"

enum { HEAD_BYTES = 12, FIELDS_MAX = 7 };

/* -- The kinds ------------------------------------------------------------ */

enum form {
  FORM_END,
  FORM_8, /* numbers of so many bits */
  FORM_16,
  FORM_32,
  FORM_NAME,
  FORM_STRING, /* with its length before it */
  FORM_JOINED, /* such strings to the end */
  FORM_REST,   /* bytes to the end */
  FORM_IP4,
  FORM_IP6
};

struct kind {
  const char *name;
  int number;
  struct {
    const char *name; /* NULL: the record is this alone */
    enum form form;
  } fields[FIELDS_MAX + 1];
};

static const struct kind kinds[] = {
    {"A", 1, {{NULL, FORM_IP4}}},
    {"AAAA", 28, {{NULL, FORM_IP6}}},
    {"CNAME", 5, {{NULL, FORM_NAME}}},
    {"NS", 2, {{NULL, FORM_NAME}}},
    {"PTR", 12, {{NULL, FORM_NAME}}},
    {"TXT", 16, {{NULL, FORM_JOINED}}},
    {"MX", 15, {{"priority", FORM_16}, {"exchange", FORM_NAME}}},
    {"SRV",
     33,
     {{"priority", FORM_16},
      {"weight", FORM_16},
      {"port", FORM_16},
      {"target", FORM_NAME}}},
    {"SOA",
     6,
     {{"mname", FORM_NAME},
      {"rname", FORM_NAME},
      {"serial", FORM_32},
      {"refresh", FORM_32},
      {"retry", FORM_32},
      {"expire", FORM_32},
      {"minimum", FORM_32}}},
    {"CAA",
     257,
     {{"flags", FORM_8}, {"tag", FORM_STRING}, {"value", FORM_REST}}},
    {"NAPTR",
     35,
     {{"order", FORM_16},
      {"preference", FORM_16},
      {"flags", FORM_STRING},
      {"service", FORM_STRING},
      {"regexp", FORM_STRING},
      {"replacement", FORM_NAME}}},
};

#define KINDS (sizeof kinds / sizeof *kinds)

int dns__record_kind(const char *name) {
  for (size_t i = 0; i < KINDS; i++)
    if (strcmp(name, kinds[i].name) == 0)
      return kinds[i].number;
  return 0;
}

static const struct kind *find_kind(int number) {
  for (size_t i = 0; i < KINDS; i++)
    if (number == kinds[i].number)
      return &kinds[i];
  return NULL;
}

/* -- Reading -------------------------------------------------------------- */

struct reader {
  const unsigned char *data; /* the answer */
  size_t size_bytes;
  size_t at;
  size_t stop; /* of the record that is read */
};

static bool has(const struct reader *reader, size_t count) {
  return reader->stop - reader->at >= count;
}

/* A number of [bytes] bytes, for which there is room. */
static uint32_t take_number(struct reader *reader, size_t bytes) {
  uint32_t number = 0;
  for (; bytes > 0; bytes--)
    number = number << 8 | reader->data[reader->at++];
  return number;
}

static int read_number(struct reader *reader, size_t bytes,
                       weft_value **value) {
  if (!has(reader, bytes))
    return WEFT_EPROTO;
  return weft_value_new_int(take_number(reader, bytes), value);
}

static int read_name(struct reader *reader, weft_value **value) {
  char *name;
  long bytes;
  int code = ares_expand_name(reader->data + reader->at, reader->data,
                              (int)reader->size_bytes, &name, &bytes);
  if (code != ARES_SUCCESS)
    return code == ARES_ENOMEM ? WEFT_ENOMEM : WEFT_EPROTO;
  int status = WEFT_EPROTO;
  if (has(reader, (size_t)bytes)) {
    reader->at += (size_t)bytes;
    status = value == NULL ? WEFT_OK
                           : weft_value_new_bytes(name, strlen(name), value);
  }
  ares_free_string(name);
  return status;
}

static int read_bytes(struct reader *reader, size_t count, weft_value **value) {
  if (!has(reader, count))
    return WEFT_EPROTO;
  reader->at += count;
  return weft_value_new_bytes(reader->data + reader->at - count, count, value);
}

static int read_string(struct reader *reader, weft_value **value) {
  if (!has(reader, 1))
    return WEFT_EPROTO;
  return read_bytes(reader, take_number(reader, 1), value);
}

/* Writes the strings one behind the other; their size, or SIZE_MAX if they do
 * not end with the record. */
static size_t join(struct reader *reader, char *text) {
  size_t size = 0;
  while (has(reader, 1)) {
    size_t count = take_number(reader, 1);
    if (!has(reader, count))
      return SIZE_MAX;
    memcpy(text + size, reader->data + reader->at, count);
    reader->at += count;
    size += count;
  }
  return size;
}

static int read_joined(struct reader *reader, weft_value **value) {
  char *text = malloc(reader->stop - reader->at + 1);
  if (text == NULL)
    return WEFT_ENOMEM;
  size_t size = join(reader, text);
  int status =
      size == SIZE_MAX ? WEFT_EPROTO : weft_value_new_bytes(text, size, value);
  free(text);
  return status;
}

static int read_address(struct reader *reader, int family, size_t bytes,
                        weft_value **value) {
  char text[INET6_ADDRSTRLEN];
  if (!has(reader, bytes))
    return WEFT_EPROTO;
  ares_inet_ntop(family, reader->data + reader->at, text, sizeof text);
  reader->at += bytes;
  return weft_value_new_bytes(text, strlen(text), value);
}

static int read_field(struct reader *reader, enum form form,
                      weft_value **value) {
  switch (form) {
  case FORM_8:
    return read_number(reader, 1, value);
  case FORM_16:
    return read_number(reader, 2, value);
  case FORM_32:
    return read_number(reader, 4, value);
  case FORM_NAME:
    return read_name(reader, value);
  case FORM_STRING:
    return read_string(reader, value);
  case FORM_JOINED:
    return read_joined(reader, value);
  case FORM_REST:
    return read_bytes(reader, reader->stop - reader->at, value);
  case FORM_IP4:
    return read_address(reader, AF_INET, 4, value);
  case FORM_IP6:
    return read_address(reader, AF_INET6, 16, value);
  case FORM_END:
    break;
  }
  return WEFT_EPROTO;
}

/* -- Records -------------------------------------------------------------- */

static void unref_all(weft_value **values, size_t count) {
  for (size_t i = 0; i < count; i++)
    weft_value_unref(values[i]);
}

static int new_map(const struct kind *kind, weft_value **values, size_t count,
                   weft_value **map) {
  weft_value *keys[FIELDS_MAX] = {NULL};
  int status = WEFT_OK;
  for (size_t i = 0; i < count && status == WEFT_OK; i++)
    status = weft_value_new_bytes(kind->fields[i].name,
                                  strlen(kind->fields[i].name), &keys[i]);
  if (status == WEFT_OK)
    status = weft_value_new_map(keys, values, count, map);
  unref_all(keys, count);
  return status;
}

static int read_data(struct reader *reader, const struct kind *kind,
                     weft_value **record) {
  weft_value *values[FIELDS_MAX] = {NULL};
  size_t count = 0;
  int status = WEFT_OK;
  for (; kind->fields[count].form != FORM_END && status == WEFT_OK; count++)
    status = read_field(reader, kind->fields[count].form, &values[count]);
  if (status == WEFT_OK && kind->fields[0].name == NULL) {
    *record = values[0];
    return WEFT_OK;
  }
  if (status == WEFT_OK)
    status = new_map(kind, values, count, record);
  unref_all(values, count);
  return status;
}

/* *record is NULL for one of another kind. */
static int read_record(struct reader *reader, const struct kind *kind,
                       weft_value **record) {
  *record = NULL;
  reader->stop = reader->size_bytes;
  int status = read_name(reader, NULL);
  if (status != WEFT_OK)
    return status;
  if (!has(reader, 10))
    return WEFT_EPROTO;
  int number = (int)take_number(reader, 2);
  reader->at += 6; /* class and time to live */
  size_t bytes = take_number(reader, 2);
  if (!has(reader, bytes))
    return WEFT_EPROTO;
  reader->stop = reader->at + bytes;
  if (number == kind->number)
    status = read_data(reader, kind, record);
  reader->at = reader->stop;
  return status;
}

static int skip_questions(struct reader *reader, size_t count) {
  for (; count > 0; count--) {
    int status = read_name(reader, NULL);
    if (status != WEFT_OK)
      return status;
    if (!has(reader, 4))
      return WEFT_EPROTO;
    reader->at += 4;
  }
  return WEFT_OK;
}

/* Reads the records that are of the kind, whose number it adds to [count]. */
static int read_records(struct reader *reader, const struct kind *kind,
                        size_t left, weft_value **records, size_t *count) {
  int status = WEFT_OK;
  for (; left > 0 && status == WEFT_OK; left--) {
    status = read_record(reader, kind, &records[*count]);
    if (records[*count] != NULL)
      ++*count;
  }
  return status;
}

static int read_list(struct reader *reader, const struct kind *kind,
                     size_t answers, weft_value **list) {
  size_t count = 0;
  weft_value **records = calloc(answers + 1, sizeof(weft_value *));
  if (records == NULL)
    return WEFT_ENOMEM;
  int status = read_records(reader, kind, answers, records, &count);
  if (status == WEFT_OK)
    status = count == 0 ? WEFT_EHOSTNOTFOUND
                        : weft_value_new_list(records, count, list);
  unref_all(records, count);
  free(records);
  return status;
}

int dns__records_read(const unsigned char *data, size_t size_bytes, int kind,
                      weft_value **list) {
  struct reader reader = {data, size_bytes, 4, size_bytes};
  *list = NULL;
  if (size_bytes < HEAD_BYTES)
    return WEFT_EPROTO;
  size_t questions = take_number(&reader, 2);
  size_t answers = take_number(&reader, 2);
  reader.at = HEAD_BYTES;
  int status = skip_questions(&reader, questions);
  if (status != WEFT_OK)
    return status;
  return read_list(&reader, find_kind(kind), answers, list);
}
