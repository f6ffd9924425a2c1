// sentencepiece's processor as plain C functions: Swift cannot hold its C++ class, which has neither copy nor move
// constructor. No C++ exception leaves these functions.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct octo_sentencepiece octo_sentencepiece;

/// Loads a serialized model.
/// - Parameter problem: receives why it could not be loaded, cut to `problem_size` bytes with a zero at the end.
/// - Returns: the model, to be freed with `octo_sentencepiece_free`; NULL when it cannot be loaded.
octo_sentencepiece *octo_sentencepiece_load(
    const void *bytes, size_t count, char *problem, size_t problem_size);

void octo_sentencepiece_free(octo_sentencepiece *model);

/// How many pieces the model has.
int32_t octo_sentencepiece_piece_count(const octo_sentencepiece *model);
/// Ids of the special pieces; -1 where the model has none.
int32_t octo_sentencepiece_pad_id(const octo_sentencepiece *model);
int32_t octo_sentencepiece_eos_id(const octo_sentencepiece *model);
int32_t octo_sentencepiece_unk_id(const octo_sentencepiece *model);

/// Encodes UTF-8 text, which may contain zero bytes. Several threads may use one model at the same time.
/// - Parameter ids: receives an array to be freed with free(3); NULL when it is empty.
/// - Returns: how many ids there are; -1 when sentencepiece failed or memory is short.
ptrdiff_t octo_sentencepiece_encode(
    const octo_sentencepiece *model, const char *text, size_t count, int32_t **ids);

#ifdef __cplusplus
}
#endif
