//! malloc's names for C, before the functions that a crate has for them under
//! names of its own. What is linked into other measurements of this package can
//! so be put in front of a program.

#[cfg(panic = "abort")]
mod without_std;

/// Exports the functions that glibc's manual asks for in "Replacing malloc".
/// Each is a jump to the function that has this prefix before its name.
macro_rules! export_with_prefix {
    ($prefix:literal) => {
        newest::export! {
            $prefix
            fn malloc(size: usize) -> *mut c_void;
            fn free(payload: *mut c_void);
            fn calloc(count: usize, size: usize) -> *mut c_void;
            fn realloc(payload: *mut c_void, size: usize) -> *mut c_void;
            fn memalign(align: usize, size: usize) -> *mut c_void;
            fn aligned_alloc(align: usize, size: usize) -> *mut c_void;
            fn posix_memalign(
                out: *mut *mut c_void,
                align: usize,
                size: usize
            ) -> c_int;
            fn valloc(size: usize) -> *mut c_void;
            fn pvalloc(size: usize) -> *mut c_void;
            fn malloc_usable_size(payload: *mut c_void) -> usize;
        }
    };
}
pub(crate) use export_with_prefix;

macro_rules! export {
    ($prefix:literal $(
        fn $name:ident($($arg:ident: $type:ty),*) $(-> $result:ty)?;
    )*) => {
        use core::ffi::{c_int, c_void};

        mod theirs {
            use super::{c_int, c_void};

            unsafe extern "C" {
                $(
                    #[link_name = concat!($prefix, stringify!($name))]
                    pub fn $name($($arg: $type),*) $(-> $result)?;
                )*
            }
        }

        $(
            /// # Safety
            ///
            /// As for C's function of this name.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($arg: $type),*) $(-> $result)? {
                // SAFETY: as the caller promises.
                unsafe { theirs::$name($($arg),*) }
            }
        )*
    };
}
pub(crate) use export;
