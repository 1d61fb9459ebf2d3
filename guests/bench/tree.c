/* SPDX-License-Identifier: Apache-2.0 */
/* A binary search tree: pointers, compares that no predictor can guess, a recursive walk. */
#include "guests/bench/kernels.h"

#define NODES 4096

static struct node {
	struct node *child[2];
	uint32_t key, count;
} nodes[NODES];

static uint64_t walk(const struct node *n, unsigned depth)
{
	uint64_t sum = 0;

	if (!n)
		return depth;
	sum = walk(n->child[0], depth + 1);
	sum = sum * 31 + n->key * n->count;
	return sum + walk(n->child[1], depth + 1);
}

static struct node *insert(struct node **root, struct node *spare, uint32_t key)
{
	struct node **at = root;

	while (*at && (*at)->key != key)
		at = &(*at)->child[key > (*at)->key];
	if (!*at) {
		*spare = (struct node){.key = key};
		*at = spare++;
	}
	(*at)->count++;
	return spare;
}

uint64_t bench_tree(unsigned rounds)
{
	uint64_t seed = 0x2b992ddfa23249d6, sum = 0;

	for (unsigned r = 0; r < rounds; r++) {
		struct node *root = NULL, *spare = nodes;

		while (spare < nodes + NODES)
			spare = insert(&root, spare, (uint32_t)bench_next(&seed) >> 8);
		for (unsigned i = 0; i < NODES; i++)
			insert(&root, NULL, nodes[bench_next(&seed) % NODES].key);
		sum = sum * 7 + walk(root, 0);
	}
	return sum;
}
