set(LLAMA_BUILD_COMMON OFF)
# The AMX kernels of llama.cpp end the process on quantized weights (ggml-org/llama.cpp#20824); without them its
# AVX-512 kernels are used.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  add_compile_options("$<$<COMPILE_LANGUAGE:C,CXX>:-mno-amx-tile;-mno-amx-int8;-mno-amx-bf16>")
endif()
