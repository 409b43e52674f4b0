/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tree.c - stacks merged by their common root side, so that deep recursion costs one node a level and not a line each.
 *
 * Nodes live in one array, a parent always before its children; an open-addressing index finds (parent, name).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "report/report.h"

#define INDEX_FIRST 1024u

static size_t hash_of(uint32_t parent, uint32_t name)
{
	uint64_t h = ((uint64_t)parent << 32 | name) * 0x9e3779b97f4a7c15u;

	return (size_t)(h ^ h >> 29);
}

static void index_put(struct tree *tree, uint32_t id)
{
	size_t at = hash_of(tree->nodes[id].parent, tree->nodes[id].name);

	while (tree->index[at & (tree->index_size - 1)])
		at++;
	tree->index[at & (tree->index_size - 1)] = id;
}

static int index_grow(struct tree *tree)
{
	size_t size = tree->index_size ? 2 * tree->index_size : INDEX_FIRST;
	uint32_t *index = calloc(size, sizeof(*index));

	if (!index)
		return -ENOMEM;
	free(tree->index);
	tree->index = index;
	tree->index_size = size;
	for (size_t id = 1; id < tree->count; id++)
		index_put(tree, (uint32_t)id);
	return 0;
}

static int child_of(struct tree *tree, uint32_t parent, uint32_t name, uint32_t *out)
{
	int code;

	if (2 * tree->count >= tree->index_size && (code = index_grow(tree)))
		return code;
	for (size_t at = hash_of(parent, name);; at++) {
		uint32_t id = tree->index[at & (tree->index_size - 1)];

		if (!id)
			break;
		if (tree->nodes[id].parent == parent && tree->nodes[id].name == name) {
			*out = id;
			return 0;
		}
	}
	code = array_reserve(&tree->nodes, &tree->capacity, tree->count + 1, sizeof(*tree->nodes), TREE_NODES_MAX);
	if (code)
		return code;
	*out = (uint32_t)tree->count;
	tree->nodes[tree->count++] = (struct tree_node){.parent = parent, .name = name};
	index_put(tree, *out);
	return 0;
}

static int begin(struct tree *tree)
{
	int code;

	if (tree->count)
		return 0;
	tree->names = strings_new();
	if (!tree->names)
		return -ENOMEM;
	code = array_reserve(&tree->nodes, &tree->capacity, 1, sizeof(*tree->nodes), TREE_NODES_MAX);
	if (!code)
		tree->nodes[tree->count++] = (struct tree_node){0};
	return code;
}

int tree_add(struct tree *tree, struct lines *lines, const struct connprof_recording *recording,
	     const struct connprof_report_options *options, enum tree_side side)
{
	int code = begin(tree);

	for (size_t i = 0; !code && i < recording->profile_count; i++) {
		uint64_t weight = row_weight(recording, options, &recording->profile[i]);
		struct line_list list;
		uint32_t node = 0;

		if (!weight)
			continue;
		code = lines_make(lines, &recording->profile[i], &list);
		for (size_t k = 0; !code && k < list.count; k++)
			code = child_of(tree, node, strings_add(tree->names, lines_name(lines, list.names[k])), &node);
		if (!code)
			tree->nodes[node].weight[side] += weight;
	}
	return code;
}

void tree_done(struct tree *tree)
{
	free(tree->nodes);
	free(tree->index);
	strings_free(tree->names);
	memset(tree, 0, sizeof(*tree));
}

/* ---- walking in order ---- */

struct walk_key {
	uint32_t parent, id;
	const char *name;
};

static int by_parent_and_name(const void *a, const void *b)
{
	const struct walk_key *x = a, *y = b;

	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	return strcmp(x->name, y->name);
}

struct walk {
	struct walk_key *keys;       /* every node but the root, grouped by parent */
	uint32_t *first;             /* by node id: where its children begin in keys; [count] ends the last group */
	const char **path;
	uint32_t *next;              /* by depth: the next key to visit */
	size_t depth_max;
};

static void walk_done(struct walk *walk)
{
	free(walk->keys);
	free(walk->first);
	free(walk->path);
	free(walk->next);
}

static int walk_prepare(struct walk *walk, const struct tree *tree)
{
	size_t count = tree->count, at = 0;

	walk->depth_max = STACK_FRAMES_MAX + 8;
	walk->keys = calloc(count, sizeof(*walk->keys));
	walk->first = calloc(count + 1, sizeof(*walk->first));
	walk->path = calloc(walk->depth_max, sizeof(*walk->path));
	walk->next = calloc(walk->depth_max, sizeof(*walk->next));
	if (!walk->keys || !walk->first || !walk->path || !walk->next)
		return -ENOMEM;
	for (size_t id = 1; id < count; id++)
		walk->keys[id - 1] = (struct walk_key){.parent = tree->nodes[id].parent, .id = (uint32_t)id,
						       .name = strings_get(tree->names, tree->nodes[id].name)};
	qsort(walk->keys, count - 1, sizeof(*walk->keys), by_parent_and_name);
	for (size_t id = 0; id <= count; id++) {
		while (at < count - 1 && walk->keys[at].parent < id)
			at++;
		walk->first[id] = (uint32_t)at;
	}
	return 0;
}

int tree_walk(const struct tree *tree,
	      int (*each)(void *context, const char *const *path, size_t depth, const uint64_t weight[TREE_SIDES]), void *context)
{
	struct walk walk = {0};
	int code = walk_prepare(&walk, tree);
	size_t depth = 0;

	while (!code) {
		const struct walk_key *key = &walk.keys[walk.next[depth]];
		uint32_t parent = depth ? walk.keys[walk.next[depth - 1] - 1].id : 0;

		if (walk.next[depth] >= walk.first[parent + 1]) { /* this level is done */
			if (depth == 0)
				break;
			depth--;
			continue;
		}
		walk.next[depth]++;
		walk.path[depth] = key->name;
		if (tree->nodes[key->id].weight[TREE_OWN] || tree->nodes[key->id].weight[TREE_BASE])
			code = each(context, walk.path, depth + 1, tree->nodes[key->id].weight);
		if (depth + 1 < walk.depth_max)
			walk.next[++depth] = walk.first[key->id];
	}
	walk_done(&walk);
	return code;
}
