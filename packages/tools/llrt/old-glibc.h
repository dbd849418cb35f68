/* Amazon Linux 2023 has glibc 2.34. Newer ones have second versions of some functions, and a compiler takes those. The
   first versions do for QuickJS: they differ in `errno`, and in reading numbers such as 0b1, which it reads by itself. */
#if defined(__ASSEMBLER__) || !defined(__gnu_linux__)
/* Not C, or not glibc. */
#elif defined(__x86_64__)
#define OLDEST "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define OLDEST "GLIBC_2.17"
#endif

#ifdef OLDEST
#define OLD(name, old) __asm__(".symver " #name ", " #old "@" OLDEST)
OLD(hypot, hypot);
OLD(fmod, fmod);
OLD(__isoc23_strtol, strtol);
OLD(__isoc23_strtoul, strtoul);
OLD(__isoc23_strtoll, strtoll);
OLD(__isoc23_strtoull, strtoull);
OLD(__isoc23_sscanf, sscanf);
#undef OLD
#undef OLDEST
#endif
