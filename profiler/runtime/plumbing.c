/* SPDX-License-Identifier: BSD-2-Clause */
/* plumbing.c - the call plumbing of CPython 3.6 to 3.15 by name prefix (Python/ceval.c, Objects/call.c, Objects/classobject.c,
 * Objects/descrobject.c, Objects/methodobject.c, Objects/typeobject.c, Objects/genobject.c, Modules/main.c). */
#include "runtime/plumbing.h"

#include <stddef.h>
#include <string.h>

static const char *const prefixes[] = {
	"_PyEval_", "PyEval_", "_TAIL_CALL_", "_Py_HandlePending", "fast_function", "function_code_fastcall", "call_function",
	"do_call_core", "call_attribute", "trace_call_function", "_PyFunction_", "_PyObject_Call", "PyObject_Call",
	"_PyObject_FastCall", "_PyObject_MakeTpCall", "_PyObject_Vectorcall", "PyObject_Vectorcall", "_PyVectorcall_",
	"PyVectorcall_", "vectorcall_", "object_vacall", "_PyMethodDef_", "_PyMethodDescr_", "_PyCFunction_", "PyCFunction_",
	"cfunction_", "method_vectorcall", "method_call", "_PyStack_", "slot_tp_", "slot_sq_", "slot_mp_", "slot_nb_",
	"slot_am_", "type_call", "wrapper_call", "wrap_", "wrapperdescr_", "property_descr_get", "lookup_maybe_method",
	"vectorcall_maybe", "call_unbound", "_PyGen_", "PyGen_", "gen_send_ex", "gen_iternext", "gen_close", "gen_throw",
	"classmethoddescr_", "methoddescr_", "builtin___build_class__", "builtin_exec", "PyRun_", "_PyRun_", "run_mod",
	"run_eval_code_obj", "pyrun_", "pymain_", "Py_RunMain", "Py_BytesMain", "Py_Main", "PyObject_GetAttr",
	"_Py_VectorCall", "thread_PyThread_start_new_thread", "thread_run", "t_bootstrap", "pythread_wrapper", "_Py_call",
};

bool plumbing_is(const char *function)
{
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (!strncmp(function, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}
